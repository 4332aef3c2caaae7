import { Button } from '@mantine/core'
import { lazy, Suspense, useEffect, useState } from 'react'

const FindDialog = lazy(async () => ({ default: (await import('./dialog.tsx')).FindDialog }))

/** Opens the search, as `/` and Ctrl-K (⌘K) do. */
export function FindButton() {
  const [isOpen, setOpen] = useState(false)
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const isTyping = (event.target as Element).closest('input, textarea, select, [contenteditable]') !== null
      const isAsked = (event.key === '/' && !isTyping) || (event.key === 'k' && (event.ctrlKey || event.metaKey))
      if (!isAsked) return
      event.preventDefault()
      setOpen(true)
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
  return (
    <>
      <Button
        size="compact-sm"
        variant="default"
        aria-keyshortcuts="/ Control+K"
        title="Find rooms, people and sessions: / or Ctrl-K"
        onClick={() => setOpen(true)}
      >
        Find
      </Button>
      {isOpen && (
        <Suspense>
          <FindDialog onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  )
}
