import { Button, Group, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { useSignedIn } from '../signed-in.tsx'
import { Empty, Failure, Loading } from '../states.tsx'
import { Time } from '../time.tsx'
import { foldedColumn } from '../wide-table.tsx'
import classes from './people.module.css'

const perPage = 50
/** Who stops typing for so long, in milliseconds, wants to see what they asked for. */
const typingMs = 250

/** Who was ever inside, found by any part of a name or id. */
export function PeoplePage() {
  const { search = '' } = useSearch({ from: '/people' })
  const navigate = useNavigate({ from: '/people' })
  const { rollcall, signInId } = useSignedIn()
  const [typed, setTyped] = useState(search)
  const [wanted] = useDebouncedValue(typed.trim(), typingMs)
  useEffect(() => {
    void navigate({ search: wanted === '' ? {} : { search: wanted }, replace: true })
  }, [wanted, navigate])
  const { data, error, fetchNextPage, hasNextPage, isFetching, refetch } = useInfiniteQuery({
    queryKey: [signInId, 'people', wanted],
    queryFn: ({ pageParam }) =>
      rollcall.people.find({ search: wanted, perPage, ...(pageParam !== '' && { cursor: pageParam }) }),
    initialPageParam: '',
    getNextPageParam: ({ nextCursor }) => nextCursor,
  })
  const people = data?.pages.flatMap((page) => page.data) ?? []
  return (
    <Stack gap="lg">
      <Title order={1} size="h2">
        People
      </Title>
      <TextInput
        aria-label="Find a person"
        placeholder="A part of a name or id"
        maw={420}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
        spellCheck={false}
        autoComplete="off"
      />
      {error !== null && <Failure error={error} retry={refetch} />}
      {data === undefined && error === null && <Loading />}
      {data !== undefined && people.length === 0 && !hasNextPage && (
        <Empty title={wanted === '' ? 'Nobody was inside yet' : 'Nobody is called so'}>
          {wanted === '' ? 'Whoever joins a session is here a moment later.' : 'Try a shorter part of the name or id.'}
        </Empty>
      )}
      {people.length > 0 && (
        <div className="card" aria-busy={isFetching}>
          <Table verticalSpacing="xs" horizontalSpacing="md" aria-label="People">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Person</Table.Th>
                <Table.Th className={`${foldedColumn} ${classes.id}`}>Id</Table.Th>
                <Table.Th>Last seen</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {people.map(({ id, name, lastSeen, merged }) => (
                <Table.Tr key={`${merged} ${id}`}>
                  <Table.Td className={classes.name}>
                    <Link to="/people/$personId" params={{ personId: id }}>
                      {name || id}
                    </Link>
                    {merged && (
                      <Text span size="xs" c="dimmed">
                        {' '}
                        merged
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td className={`${foldedColumn} ${classes.name}`}>
                    <Text size="sm" c="dimmed">
                      {id}
                    </Text>
                  </Table.Td>
                  <Table.Td>
                    <Time at={lastSeen} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      )}
      {hasNextPage && (
        <Group justify="center">
          <Button variant="default" loading={isFetching} onClick={() => fetchNextPage()}>
            More
          </Button>
        </Group>
      )}
    </Stack>
  )
}
