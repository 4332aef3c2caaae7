import { Button, Group, NativeSelect, Text } from '@mantine/core'
import { Link, Outlet, useNavigate } from '@tanstack/react-router'
import { type FocusEvent, useState } from 'react'
import { FindButton } from './find/button.tsx'
import { Logo } from './logo.tsx'
import classes from './shell.module.css'
import { useMay, useSignedIn } from './signed-in.tsx'
import { Failure, Missing } from './states.tsx'
import { ZoneChoice } from './zone.tsx'

/** Of the server's package.json, put in by the build. */
declare const rollcallVersion: string

/** What is after # is taken from the page's base, not from the page. */
function keepPage({ currentTarget }: FocusEvent<HTMLAnchorElement>) {
  currentTarget.href = location.href.replace(/#.*/, '') + currentTarget.hash
}

const pages = [
  { to: '/', label: 'Sessions', whose: 'all' },
  { to: '/overview', label: 'Overview', whose: 'seeAll' },
  { to: '/people', label: 'People', whose: 'seeAll' },
  { to: '/rooms', label: 'Rooms', whose: 'all' },
  { to: '/schedules', label: 'Schedules', whose: 'seeAll' },
  { to: '/sources', label: 'Sources', whose: 'administer' },
  { to: '/imports', label: 'Import', whose: 'administer' },
  { to: '/webhooks', label: 'Webhooks', whose: 'administer' },
  { to: '/keys', label: 'Keys', whose: 'administer' },
  { to: '/users', label: 'Users', whose: 'administer' },
] as const

/** What is around every page. */
export function Shell() {
  const { account, signOut } = useSignedIn()
  const may = useMay()
  const [failure, setFailure] = useState<Error>()
  const { user, role, key } = account
  return (
    <>
      <a className={classes.skip} href="#main" onFocus={keepPage}>
        Skip to the content
      </a>
      <header className={classes.header}>
        <div className={classes.bar}>
          <Group gap={8} wrap="nowrap">
            <Logo />
            <Text size="xs" c="dimmed" title="The version of Rollcall">
              {rollcallVersion}
            </Text>
          </Group>
          <nav className={classes.nav} aria-label="Pages">
            {pages.map(
              ({ to, label, whose }) =>
                (whose === 'all' || may[whose]) && (
                  <Link
                    key={to}
                    to={to}
                    className={classes.link}
                    activeOptions={{ exact: to === '/', includeSearch: false }}
                  >
                    {label}
                  </Link>
                ),
            )}
          </nav>
          <Group gap={4} ms="auto" wrap="nowrap">
            {may.seeAll && <FindButton />}
            <Button component="a" href="./docs" size="compact-sm" variant="subtle" color="gray" c="inherit">
              API
            </Button>
            <Link to="/account" className={classes.link}>
              Account
            </Link>
            <Button
              size="compact-sm"
              variant="subtle"
              color="gray"
              c="inherit"
              onClick={() => signOut().catch(setFailure)}
            >
              Sign out
            </Button>
          </Group>
        </div>
      </header>
      <div className={classes.whose}>
        <Text size="xs" c="dimmed" className={classes.who}>
          {user === null ? roles[role ?? 'none'] : `${user.name}, ${roles[role ?? 'none'].toLowerCase()}`} of{' '}
          {key.name ?? key.apiKey}
        </Text>
        {account.keys.length > 1 && <KeyChoice onFailure={setFailure} />}
      </div>
      <main id="main" className={classes.main}>
        {failure !== undefined && <Failure error={failure} />}
        <Outlet />
      </main>
      <ZoneChoice />
    </>
  )
}

const roles = { administrator: 'Administrator', viewer: 'Viewer', host: 'Host', none: 'A part' }

/** Which record is looked at, of several. */
function KeyChoice({ onFailure }: { onFailure: (error: Error) => void }) {
  const { account, switchKey } = useSignedIn()
  const navigate = useNavigate()
  const change = async (apiKey: string) => {
    await navigate({ to: '/' })
    await switchKey(apiKey)
  }
  return (
    <NativeSelect
      size="xs"
      aria-label="The record of"
      value={account.key.apiKey}
      onChange={(event) => change(event.currentTarget.value).catch(onFailure)}
      data={account.keys.map(({ apiKey, name }) => ({ value: apiKey, label: name ?? apiKey }))}
    />
  )
}

export function NotFound() {
  return (
    <Missing what="page">
      <Link to="/">All sessions</Link>
    </Missing>
  )
}
