import { toRules } from '../../config.ts'
import { withConfig } from '../command.ts'
import { openFresh } from '../open-tables.ts'
import { print } from '../print.ts'
import { startProgress } from '../progress.ts'
import { rebuild as rebuildTables } from './rebuild.ts'

export const rebuild = withConfig(
  'rebuild',
  'Fold the raw log again, and mend whatever was derived from it otherwise; the server has to be stopped',
  { 'dry-run': { type: 'boolean', description: 'Only tell what would be mended' } },
  async ({ 'dry-run': dryRun = false }, config) => {
    const fresh = await openFresh(config)
    try {
      const startedAt = performance.now()
      const report = {
        tell: (text: string) => print(`${text}\n`),
        progress: startProgress('facts'),
      }
      const { facts, differences, sessionsLeft } = await rebuildTables(fresh, toRules(config), report, { dryRun })
      const perSecond = Math.round((1000 * facts) / (performance.now() - startedAt))
      const found = differences === 0 ? 'nothing differs' : `${differences} rows ${dryRun ? 'differ' : 'are mended'}`
      const left =
        sessionsLeft === 0 ? '' : `; ${sessionsLeft} sessions, whose log is not complete, are left as they were`
      print(`${found}: ${facts} facts folded again, ${perSecond} a second${left}\n`)
      if (dryRun && differences > 0) process.exitCode = 1
    } finally {
      await fresh.drop()
    }
  },
)
