import type { FastifyRequest } from 'fastify'
import type { Config } from '../../config.ts'

/** What `links` are built on: the public address of the settings, else the one that the caller used. */
export function baseUrlOf(request: FastifyRequest, { publicUrl }: Pick<Config, 'publicUrl'>): string {
  return publicUrl ?? `${request.protocol}://${request.host}`
}
