import { Group, Pagination, Text } from '@mantine/core'
import { formatNumber } from './formats.ts'

/** Which page of a list is shown, and the way to the others; nothing where there is one page. */
export function Pages({ page, lastPage, onPage }: { page: number; lastPage: number; onPage: (page: number) => void }) {
  if (lastPage <= 1) return null
  return (
    <Group justify="space-between" mt="md" gap="xs">
      <Text c="dimmed" size="sm" className="numeric">
        Page {formatNumber(page)} of {formatNumber(lastPage)}
      </Text>
      <Pagination
        size="sm"
        total={lastPage}
        value={page}
        onChange={onPage}
        siblings={1}
        getControlProps={(control) => ({ 'aria-label': `${control} page` })}
        getItemProps={(number) => ({ 'aria-label': `Page ${number}` })}
      />
    </Group>
  )
}
