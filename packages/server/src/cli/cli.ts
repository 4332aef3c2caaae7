#!/usr/bin/env node
import { runOnRightNode } from '../runtime/node-version.ts'

await runOnRightNode(() => import('./commands.ts'))
