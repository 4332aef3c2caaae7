import { Refusal } from '../../error.ts'
import { quote } from '../../runtime/explain.ts'

/** What came under one name: texts, or fields of its own by the next step of the name. */
type Field = { texts: string[]; fields: Map<string, Field> }

/** Most steps of a name, such as the three of `webhook[events][0]`. */
const stepsMax = 16

/**
 * Reads a form as PHP writes one, and jQuery: `webhook[endPoint]=…` is a field of an object; a list is its name repeated,
 * `events[]=…`, which says so of one value too, or `events[0]=…`, counted from 0. It takes time by its length alone: the
 * libraries for it make a list as long as the largest number in its name.
 */
export function readForm(text: string): unknown {
  const form: Field = { texts: [], fields: new Map() }
  for (const [name, value] of new URLSearchParams(text)) {
    let field = form
    for (const step of stepsOf(name)) field = fieldIn(field, step)
    field.texts.push(value)
  }
  return toFields(form)
}

function stepsOf(name: string): string[] {
  const [, first, rest] = /^([^[]+)((?:\[[^\]]*\])+)$/.exec(name) ?? []
  if (first === undefined || rest === undefined) return [name]
  const steps = [first, ...rest.slice(1, -1).split('][')]
  if (steps.length <= stepsMax) return steps
  const takes = `it takes names of at most ${stepsMax} steps`
  throw new Refusal('BAD_REQUEST', `The form is nested too deep, at ${quote(first)}: ${takes}`)
}

/** `[]` is one more field each time. */
function fieldIn({ fields }: Field, step: string): Field {
  const name = step === '' ? String(fields.size) : step
  const known = fields.get(name)
  if (known !== undefined) return known
  const field = { texts: [], fields: new Map() }
  fields.set(name, field)
  return field
}

function toValue(name: string, field: Field): unknown {
  const { texts, fields } = field
  if (fields.size === 0) return texts.length === 1 ? texts[0] : texts
  if (texts.length > 0)
    throw new Refusal('BAD_REQUEST', `The form has ${quote(name)} twice: as a text, and with fields`)
  const isList = [...fields.keys()].every((step, index) => step === String(index))
  return isList ? [...fields].map(([step, inner]) => toValue(`${name}[${step}]`, inner)) : toFields(field, name)
}

function toFields({ fields }: Field, within?: string): unknown {
  const named = (step: string) => (within === undefined ? step : `${within}[${step}]`)
  return Object.fromEntries([...fields].map(([step, inner]) => [step, toValue(named(step), inner)]))
}
