import { Button, Group, Text } from '@mantine/core'
import { Link, Outlet } from '@tanstack/react-router'
import type { FocusEvent } from 'react'
import { FindButton } from './find/button.tsx'
import { Logo } from './logo.tsx'
import classes from './shell.module.css'
import { useSignedIn } from './signed-in.tsx'
import { Empty } from './states.tsx'
import { ZoneChoice } from './zone.tsx'

/** Of the server's package.json, put in by the build. */
declare const rollcallVersion: string

/** What is after # is taken from the page's base, not from the page. */
function keepPage({ currentTarget }: FocusEvent<HTMLAnchorElement>) {
  currentTarget.href = location.href.replace(/#.*/, '') + currentTarget.hash
}

/** What is around every page. */
export function Shell() {
  const { signOut } = useSignedIn()
  const link = { className: classes.link }
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
            <Link to="/" {...link} activeOptions={{ exact: true, includeSearch: false }}>
              Sessions
            </Link>
            <Link to="/overview" {...link} activeOptions={{ includeSearch: false }}>
              Overview
            </Link>
            <Link to="/people" {...link} activeOptions={{ includeSearch: false }}>
              People
            </Link>
            <Link to="/rooms" {...link} activeOptions={{ includeSearch: false }}>
              Rooms
            </Link>
            <Link to="/schedules" {...link} activeOptions={{ includeSearch: false }}>
              Schedules
            </Link>
            <Link to="/sources" {...link}>
              Sources
            </Link>
            <Link to="/webhooks" {...link} activeOptions={{ includeSearch: false }}>
              Webhooks
            </Link>
            <Link to="/keys" {...link}>
              Keys
            </Link>
          </nav>
          <Group gap={4} ms="auto" wrap="nowrap">
            <FindButton />
            <Button component="a" href="./docs" size="compact-sm" variant="subtle" color="gray" c="inherit">
              API
            </Button>
            <Button size="compact-sm" variant="subtle" color="gray" c="inherit" onClick={signOut}>
              Sign out
            </Button>
          </Group>
        </div>
      </header>
      <main id="main" className={classes.main}>
        <Outlet />
      </main>
      <ZoneChoice />
    </>
  )
}

export function NotFound() {
  return (
    <Empty title="There is no such page">
      <Link to="/">All sessions</Link>
    </Empty>
  )
}
