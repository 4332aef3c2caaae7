import { AsyncLocalStorage } from 'node:async_hooks'
import type { IncomingHttpHeaders } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Attributes, Span, Context as SpanContext } from '@opentelemetry/api'

/** What takes how long, told to an OpenTelemetry collector. Attributes are words, numbers and our own ids: never a name or an address of somebody. */
export type Tracing = {
  /** Begins the span of a request, which goes on whoever sent its `traceparent`, and does the rest of it below that span. */
  beginRequest(headers: IncomingHttpHeaders, rest: () => void): EndSpan
  /** Does work in a span of its own, below the one that it was called in. */
  span<T>(name: string, work: (note: (attributes: Attributes) => void) => Promise<T>): Promise<T>
  /** Sends what waits. */
  stop(): Promise<void>
}

export type EndSpan = (end: { name: string; attributes: Attributes; isError: boolean }) => void

/** What waits is sent within this at a stop, in milliseconds. */
const flushMaxMs = 2000

/**
 * The libraries are loaded here, and only where there is a collector.
 * @param endpoint where spans are sent to, below `/v1/traces`; the exporter reads all other `OTEL_…` settings itself
 */
export async function openTracing(
  endpoint: string,
  service: { name: string; version: string },
  failed: (error: unknown) => void,
): Promise<Tracing> {
  const { ROOT_CONTEXT, SpanKind, SpanStatusCode, defaultTextMapGetter, trace } = await import('@opentelemetry/api')
  const { ParentBasedSampler, AlwaysOnSampler, BatchSpanProcessor, TracerProvider } = await import(
    '@opentelemetry/sdk-trace'
  )
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http')
  const { W3CTraceContextPropagator } = await import('@opentelemetry/core')
  const { defaultResource, resourceFromAttributes } = await import('@opentelemetry/resources')

  const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces` })
  const provider = new TracerProvider({
    resource: defaultResource().merge(
      resourceFromAttributes({ 'service.name': service.name, 'service.version': service.version }),
    ),
    sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  })
  const tracer = provider.getTracer(service.name, service.version)
  const propagator = new W3CTraceContextPropagator()
  const active = new AsyncLocalStorage<SpanContext>()
  const begin = (name: string, kind: number, parent: SpanContext) => {
    const span = tracer.startSpan(name, { kind }, parent)
    return { span, below: trace.setSpan(parent, span) }
  }
  const fail = (span: Span) => span.setStatus({ code: SpanStatusCode.ERROR })
  return {
    beginRequest(headers, rest) {
      const parent = propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter)
      const { span, below } = begin('request', SpanKind.SERVER, parent)
      active.run(below, rest)
      return ({ name, attributes, isError }) => {
        span.updateName(name)
        span.setAttributes(attributes)
        if (isError) fail(span)
        span.end()
      }
    },
    async span(name, work) {
      const { span, below } = begin(name, SpanKind.INTERNAL, active.getStore() ?? ROOT_CONTEXT)
      try {
        return await active.run(below, () => work((attributes) => void span.setAttributes(attributes)))
      } catch (error) {
        fail(span)
        throw error
      } finally {
        span.end()
      }
    },
    async stop() {
      const sent = provider.shutdown().catch(failed)
      // A collector that is away is asked again and again: no server waits for that.
      await Promise.race([sent, sleep(flushMaxMs, undefined, { ref: false })])
    },
  }
}
