import { Stack } from '@mantine/core'
import { RollcallError } from '@rollcall/client'
import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Failure, Loading } from './states.tsx'

type FoundProps<T> = {
  result: UseQueryResult<T>
  /** Where the server says that there is none. */
  missing: ReactNode
  children: (data: T) => ReactNode
}

/** A page about one thing that is read: it, or what stands in its place. Where it could not be read again, that is said above it. */
export function Found<T>({ result: { data, error, refetch }, missing, children }: FoundProps<T>) {
  if (error instanceof RollcallError && error.statusCode === 404) return missing
  if (data === undefined) return error === null ? <Loading /> : <Failure error={error} retry={refetch} />
  return (
    <Stack gap="lg">
      {error !== null && <Failure error={error} />}
      {children(data)}
    </Stack>
  )
}
