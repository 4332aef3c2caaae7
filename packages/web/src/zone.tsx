import { NativeSelect, Text } from '@mantine/core'
import { chooseZone, listZones, zone } from './formats.ts'
import classes from './shell.module.css'

/** In which time zone everything is shown, and the way to another. */
export function ZoneChoice() {
  return (
    <footer className={classes.footer}>
      <Text component="label" htmlFor="zone" size="sm" c="dimmed">
        Times are those of
      </Text>
      <NativeSelect
        id="zone"
        size="xs"
        value={zone}
        data={listZones()}
        onChange={(event) => chooseZone(event.currentTarget.value)}
      />
    </footer>
  )
}
