import { createRootRoute, createRoute, createRouter } from '@tanstack/react-router'
import { prefix } from './base.ts'
import { lazyPage } from './lazy-page.tsx'
import { readOverviewSearch } from './overview/search.ts'
import { readPeopleSearch } from './people/search.ts'
import { readPersonSearch } from './person/search.ts'
import { readRoomsSearch } from './rooms/search.ts'
import { readScheduleSearch } from './schedule/search.ts'
import { readSchedulesSearch } from './schedules/search.ts'
import { readSessionSearch } from './session/search.ts'
import { SessionsPage } from './sessions/page.tsx'
import { readSessionsSearch } from './sessions/search.ts'
import { NotFound, Shell } from './shell.tsx'
import { PageFailure } from './states.tsx'
import { readWebhookSearch } from './webhook/search.ts'
import { readWebhooksSearch } from './webhooks/search.ts'

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound })

const sessions = createRoute({
  getParentRoute: () => root,
  path: '/',
  validateSearch: readSessionsSearch,
  component: SessionsPage,
})
const session = createRoute({
  getParentRoute: () => root,
  path: '/sessions/$sessionId',
  validateSearch: readSessionSearch,
  component: lazyPage('SessionPage', () => import('./session/page.tsx')),
})
const overview = createRoute({
  getParentRoute: () => root,
  path: '/overview',
  validateSearch: readOverviewSearch,
  component: lazyPage('OverviewPage', () => import('./overview/page.tsx')),
})
const people = createRoute({
  getParentRoute: () => root,
  path: '/people',
  validateSearch: readPeopleSearch,
  component: lazyPage('PeoplePage', () => import('./people/page.tsx')),
})
const person = createRoute({
  getParentRoute: () => root,
  path: '/people/$personId',
  validateSearch: readPersonSearch,
  component: lazyPage('PersonPage', () => import('./person/page.tsx')),
})
const rooms = createRoute({
  getParentRoute: () => root,
  path: '/rooms',
  validateSearch: readRoomsSearch,
  component: lazyPage('RoomsPage', () => import('./rooms/page.tsx')),
})
const schedules = createRoute({
  getParentRoute: () => root,
  path: '/schedules',
  validateSearch: readSchedulesSearch,
  component: lazyPage('SchedulesPage', () => import('./schedules/page.tsx')),
})
const schedule = createRoute({
  getParentRoute: () => root,
  path: '/schedules/$scheduleId',
  validateSearch: readScheduleSearch,
  component: lazyPage('SchedulePage', () => import('./schedule/page.tsx')),
})
const sources = createRoute({
  getParentRoute: () => root,
  path: '/sources',
  component: lazyPage('SourcesPage', () => import('./sources/page.tsx')),
})
const imports = createRoute({
  getParentRoute: () => root,
  path: '/imports',
  component: lazyPage('ImportsPage', () => import('./imports/page.tsx')),
})
const keys = createRoute({
  getParentRoute: () => root,
  path: '/keys',
  component: lazyPage('KeysPage', () => import('./keys/page.tsx')),
})
const users = createRoute({
  getParentRoute: () => root,
  path: '/users',
  component: lazyPage('UsersPage', () => import('./users/page.tsx')),
})
const account = createRoute({
  getParentRoute: () => root,
  path: '/account',
  component: lazyPage('AccountPage', () => import('./account/page.tsx')),
})
const webhooks = createRoute({
  getParentRoute: () => root,
  path: '/webhooks',
  validateSearch: readWebhooksSearch,
  component: lazyPage('WebhooksPage', () => import('./webhooks/page.tsx')),
})
const webhook = createRoute({
  getParentRoute: () => root,
  path: '/webhooks/$webhookId',
  validateSearch: readWebhookSearch,
  component: lazyPage('WebhookPage', () => import('./webhook/page.tsx')),
})

export const router = createRouter({
  basepath: `${prefix}/`,
  routeTree: root.addChildren([
    sessions,
    session,
    overview,
    people,
    person,
    rooms,
    schedules,
    schedule,
    sources,
    imports,
    webhooks,
    webhook,
    keys,
    users,
    account,
  ]),
  defaultPreload: 'intent',
  defaultErrorComponent: PageFailure,
  scrollRestoration: true,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
