import {
  Alert,
  Button,
  Code,
  Container,
  Paper,
  PasswordInput,
  Stack,
  Tabs,
  Text,
  Textarea,
  TextInput,
  Title,
} from '@mantine/core'
import type { Account } from '@rollcall/client'
import { type FormEvent, useEffect, useState } from 'react'
import { readWays, signIn, signInWithKey } from './access.ts'
import { Logo } from './logo.tsx'

/** Who opens the dashboard without a link signs in here. */
export function SignIn({ why, onSignedIn }: { why: string | undefined; onSignedIn: (account: Account) => void }) {
  const [failure, setFailure] = useState(why)
  const [busy, setBusy] = useState(false)
  const [oidcUrl, setOidcUrl] = useState<string | null>(null)
  useEffect(() => {
    readWays().then(
      ({ oidcUrl, refused }) => {
        setOidcUrl(oidcUrl)
        if (refused !== null) setFailure(refused)
      },
      // The server is away: whoever signs in is told so then.
      () => setOidcUrl(null),
    )
  }, [])

  const submit = (enter: (given: FormData) => Promise<Account>) => async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    setBusy(true)
    setFailure(undefined)
    try {
      onSignedIn(await enter(new FormData(event.currentTarget)))
    } catch (error) {
      setFailure((error as Error).message)
      setBusy(false)
    }
  }
  const text = (given: FormData, name: string) => String(given.get(name) ?? '')

  return (
    <Container component="main" size={460} py={{ base: 'xl', sm: 80 }}>
      <Stack gap="lg">
        <Logo />
        <div>
          <Title order={1} size="h2">
            Sign in
          </Title>
          <Text c="dimmed">
            No account yet? An administrator adds one, and <Code>rollcall link</Code> makes a link that signs in.
          </Text>
        </div>
        {failure !== undefined && (
          <Alert color="red" variant="outline" role="alert" title="That did not work">
            {failure}
          </Alert>
        )}
        {oidcUrl !== null && (
          <Button component="a" href={oidcUrl} variant="default">
            Sign in with your organisation
          </Button>
        )}
        <Paper className="card" p="lg">
          <Tabs defaultValue="name" keepMounted={false} styles={{ tab: { paddingInline: 6 } }}>
            <Tabs.List grow mb="md">
              <Tabs.Tab value="name">With a name</Tabs.Tab>
              <Tabs.Tab value="token">With a token</Tabs.Tab>
              <Tabs.Tab value="key">With a key</Tabs.Tab>
            </Tabs.List>
            <Tabs.Panel value="name">
              <form
                onSubmit={submit((given) => signIn({ name: text(given, 'name'), password: text(given, 'password') }))}
              >
                <Stack>
                  <TextInput name="name" label="Name" required spellCheck={false} autoComplete="username" />
                  <PasswordInput name="password" label="Password" required autoComplete="current-password" />
                  <Button type="submit" loading={busy}>
                    Sign in
                  </Button>
                </Stack>
              </form>
            </Tabs.Panel>
            <Tabs.Panel value="token">
              <form onSubmit={submit((given) => signIn({ token: text(given, 'token') }))}>
                <Stack>
                  <Textarea
                    name="token"
                    label="Token"
                    description="One that names the role crawler, as rollcall token signs it"
                    autosize
                    minRows={3}
                    maxRows={6}
                    required
                    spellCheck={false}
                    autoComplete="off"
                  />
                  <Button type="submit" loading={busy}>
                    Sign in
                  </Button>
                </Stack>
              </form>
            </Tabs.Panel>
            <Tabs.Panel value="key">
              <form onSubmit={submit((given) => signInWithKey(text(given, 'key'), text(given, 'secret')))}>
                <Stack>
                  <TextInput name="key" label="API key" required spellCheck={false} autoComplete="username" />
                  <PasswordInput
                    name="secret"
                    label="Secret"
                    description="Signs a token in this page; it is neither sent nor kept"
                    required
                    autoComplete="current-password"
                  />
                  <Button type="submit" loading={busy}>
                    Sign in
                  </Button>
                </Stack>
              </form>
            </Tabs.Panel>
          </Tabs>
        </Paper>
      </Stack>
    </Container>
  )
}
