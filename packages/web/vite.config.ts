import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'
import program from '../server/package.json' with { type: 'json' }

export default defineConfig({
  plugins: [react(), compressed()],
  define: { rollcallVersion: JSON.stringify(program.version) },
  // What a page loads is found from its base.
  base: './',
  build: {
    target: 'es2023',
    // The browsers that know light-dark().
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1000,
    rolldownOptions: { input: ['index.html', 'room.html'] },
  },
  // The pages alone, over a server that runs: its address is ROLLCALL_URL.
  server: { proxy: { '/v2': { target: process.env.ROLLCALL_URL ?? 'http://127.0.0.1:4000', ws: true } } },
})

/** Puts each file beside itself in compressed form, so that the server compresses nothing while it serves. */
function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    async writeBundle({ dir = '.' }) {
      const names = await readdir(dir, { recursive: true })
      for (const name of names.filter((one) => /\.(js|css|html|svg)$/.test(one))) {
        const path = join(dir, name)
        const content = await readFile(path)
        const params = { [constants.BROTLI_PARAM_SIZE_HINT]: content.length }
        await writeFile(`${path}.br`, await promisify(brotliCompress)(content, { params }))
        await writeFile(`${path}.gz`, await promisify(gzip)(content, { level: 9 }))
      }
    },
  }
}
