import program from '../../package.json' with { type: 'json' }

/**
 * Runs a program, whose modules an old Node could not even load, or says in one line which Node it takes.
 * @param load imports the program
 */
export async function runOnRightNode(load: () => Promise<unknown>): Promise<void> {
  const needed = program.engines.node.replace(/[^\d.]/g, '')
  if (isAtLeast(process.versions.node, needed)) {
    await load()
    return
  }
  process.stderr.write(`rollcall: Node ${process.versions.node} is too old: it takes ${needed} or newer\n`)
  process.exitCode = 1
}

/** Of versions such as 22.16.0, where what is left out is 0. */
export function isAtLeast(version: string, least: string): boolean {
  const [having, needing] = [version, least].map((text) => text.split('.').map(Number))
  for (const [place, needs] of (needing ?? []).entries()) {
    const has = having?.[place] ?? 0
    if (has !== needs) return has > needs
  }
  return true
}
