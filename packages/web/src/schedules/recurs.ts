/** What recurs is chosen from these; whatever else a schedule has is a rule. */
export const habits = {
  once: { label: 'Once', rule: '' },
  daily: { label: 'Every day', rule: 'FREQ=DAILY' },
  weekdays: { label: 'Monday to Friday', rule: 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR' },
  weekly: { label: 'Every week', rule: 'FREQ=WEEKLY' },
  fortnightly: { label: 'Every two weeks', rule: 'FREQ=WEEKLY;INTERVAL=2' },
  monthly: { label: 'Every month, that day', rule: 'FREQ=MONTHLY' },
  rule: { label: 'By a rule (RFC 5545)', rule: undefined },
} as const
export type Habit = keyof typeof habits

/** The habit that a rule is, and how often. */
export function toHabit(rrule: string): { habit: Habit; count: number | undefined } {
  const count = /(?:^|;)COUNT=(\d+)/.exec(rrule)?.[1]
  const rest = partsOf(rrule.replace(/(^|;)COUNT=\d+/, ''))
  const found = (Object.keys(habits) as Habit[]).find((name) => {
    const { rule } = habits[name]
    return rule !== undefined && partsOf(rule) === rest
  })
  return found === undefined
    ? { habit: 'rule', count: undefined }
    : { habit: found, count: count === undefined ? undefined : Number(count) }
}

export function toRule(habit: Habit, count: number | undefined, rule: string): string {
  const chosen = habits[habit].rule
  if (chosen === undefined) return rule
  return chosen === '' || count === undefined ? chosen : `${chosen};COUNT=${count}`
}

/** In words, where there are some. */
export function explainRule(rrule: string): string {
  const { habit, count } = toHabit(rrule)
  const said = habit === 'rule' ? explainInterval(rrule) : habits[habit].label
  if (said === undefined) return rrule
  return count === undefined ? said : `${said}, ${count} times`
}

const units: { [frequency: string]: string } = { DAILY: 'days', WEEKLY: 'weeks', MONTHLY: 'months', YEARLY: 'years' }

/** Of a rule that says nothing but every how many days, weeks, months or years. */
function explainInterval(rrule: string): string | undefined {
  const [, frequency = '', interval = '1'] = /^FREQ=([A-Z]+);INTERVAL=(\d+)$/.exec(partsOf(rrule)) ?? []
  const unit = units[frequency]
  return unit === undefined ? undefined : `Every ${interval} ${unit}`
}

function partsOf(rule: string): string {
  return rule.split(';').filter(Boolean).sort().join(';')
}
