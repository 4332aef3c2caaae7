import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router'
import { prefix } from './base.ts'
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
  component: lazyRouteComponent(() => import('./session/page.tsx'), 'SessionPage'),
})
const overview = createRoute({
  getParentRoute: () => root,
  path: '/overview',
  validateSearch: readOverviewSearch,
  component: lazyRouteComponent(() => import('./overview/page.tsx'), 'OverviewPage'),
})
const people = createRoute({
  getParentRoute: () => root,
  path: '/people',
  validateSearch: readPeopleSearch,
  component: lazyRouteComponent(() => import('./people/page.tsx'), 'PeoplePage'),
})
const person = createRoute({
  getParentRoute: () => root,
  path: '/people/$personId',
  validateSearch: readPersonSearch,
  component: lazyRouteComponent(() => import('./person/page.tsx'), 'PersonPage'),
})
const rooms = createRoute({
  getParentRoute: () => root,
  path: '/rooms',
  validateSearch: readRoomsSearch,
  component: lazyRouteComponent(() => import('./rooms/page.tsx'), 'RoomsPage'),
})
const schedules = createRoute({
  getParentRoute: () => root,
  path: '/schedules',
  validateSearch: readSchedulesSearch,
  component: lazyRouteComponent(() => import('./schedules/page.tsx'), 'SchedulesPage'),
})
const schedule = createRoute({
  getParentRoute: () => root,
  path: '/schedules/$scheduleId',
  validateSearch: readScheduleSearch,
  component: lazyRouteComponent(() => import('./schedule/page.tsx'), 'SchedulePage'),
})
const sources = createRoute({
  getParentRoute: () => root,
  path: '/sources',
  component: lazyRouteComponent(() => import('./sources/page.tsx'), 'SourcesPage'),
})
const keys = createRoute({
  getParentRoute: () => root,
  path: '/keys',
  component: lazyRouteComponent(() => import('./keys/page.tsx'), 'KeysPage'),
})
const webhooks = createRoute({
  getParentRoute: () => root,
  path: '/webhooks',
  validateSearch: readWebhooksSearch,
  component: lazyRouteComponent(() => import('./webhooks/page.tsx'), 'WebhooksPage'),
})
const webhook = createRoute({
  getParentRoute: () => root,
  path: '/webhooks/$webhookId',
  validateSearch: readWebhookSearch,
  component: lazyRouteComponent(() => import('./webhook/page.tsx'), 'WebhookPage'),
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
    webhooks,
    webhook,
    keys,
  ]),
  defaultPreload: 'intent',
  scrollRestoration: true,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
