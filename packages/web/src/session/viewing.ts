import { type KeyboardEvent, type PointerEvent, type RefObject, useEffect, useRef, useState } from 'react'
import { pan, type View, zoom } from './stays.ts'

export const zoomStep = 0.7
const panStep = 0.15

/** Which part of a session is seen, and how that changes. */
export type Viewing = {
  view: View
  isWhole: boolean
  /** @param part where in the view the zoom leaves everything in place: 0 to 1, the middle where it is not said */
  zoomBy(factor: number, part?: number): void
  /** @param part of the view: later where it is above 0 */
  panBy(part: number): void
  showWhole(): void
}

export function useViewing(whole: View): Viewing {
  const [chosen, setChosen] = useState<View>()
  // Each step begins where the one before it ended, also where several come before the next drawing.
  const change = (step: (view: View) => View) =>
    setChosen((before) => {
      const next = step(before ?? whole)
      return next.from <= whole.from && next.to >= whole.to ? undefined : next
    })
  return {
    view: chosen ?? whole,
    isWhole: chosen === undefined,
    zoomBy: (factor, part = 0.5) =>
      change((view) => zoom(view, whole, factor, view.from + part * (view.to - view.from))),
    panBy: (part) => change((view) => pan(view, whole, part * (view.to - view.from))),
    showWhole: () => setChosen(undefined),
  }
}

/** Pans and zooms by keys. */
export function onKey(event: KeyboardEvent, viewing: Viewing): void {
  if (event.ctrlKey || event.metaKey) return
  const run = actionOf(event.key, viewing)
  if (run === undefined) return
  event.preventDefault()
  run()
}

function actionOf(key: string, { panBy, zoomBy, showWhole }: Viewing): (() => void) | undefined {
  if (key === 'ArrowLeft') return () => panBy(-panStep)
  if (key === 'ArrowRight') return () => panBy(panStep)
  if (key === '+' || key === '=') return () => zoomBy(zoomStep)
  if (key === '-') return () => zoomBy(1 / zoomStep)
  return key === '0' ? showWhole : undefined
}

/** Drags what is shown along with the pointer. */
export function useDrag(width: number, panBy: (part: number) => void) {
  const last = useRef<number>(undefined)
  return {
    onPointerDown(event: PointerEvent) {
      if (event.button !== 0 || !(event.target as Element).closest('[data-track]')) return
      last.current = event.clientX
      event.currentTarget.setPointerCapture(event.pointerId)
    },
    onPointerMove(event: PointerEvent) {
      if (last.current === undefined) return
      panBy((last.current - event.clientX) / Math.max(1, width))
      last.current = event.clientX
    },
    onPointerUp() {
      last.current = undefined
    },
    onPointerCancel() {
      last.current = undefined
    },
  }
}

/** Zooms with the wheel where a modifier is held, as maps do: without one, the list scrolls. */
export function useWheelZoom(
  scroller: RefObject<HTMLDivElement | null>,
  width: number,
  zoomAt: (factor: number, part: number) => void,
) {
  const latest = useRef(zoomAt)
  latest.current = zoomAt
  useEffect(() => {
    const element = scroller.current
    if (element === null) return
    const onWheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey && !event.altKey) return
      event.preventDefault()
      const right = element.getBoundingClientRect().right - 12
      const part = Math.min(1, Math.max(0, 1 - (right - event.clientX) / Math.max(1, width)))
      latest.current(event.deltaY < 0 ? zoomStep : 1 / zoomStep, part)
    }
    // React's own listeners cannot stop the page from zooming.
    element.addEventListener('wheel', onWheel, { passive: false })
    return () => element.removeEventListener('wheel', onWheel)
  }, [scroller, width])
}
