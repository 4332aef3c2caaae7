import type { PageInfo } from '@rollcall/protocol'

/** One page of a list. */
export type Page<Item> = { pageInfo: PageInfo; data: Item[] }

/**
 * A list on the server. Nothing is asked for before it is walked: item by item with `for await`, page by page with
 * `pages()`, or one page with `page()`.
 */
export type Listing<Item> = AsyncIterable<Item> & {
  /** Every page, from the first. */
  pages(): AsyncIterable<Page<Item>>
  /** One page; the first where no number is given. Past the end it is empty. */
  page(number?: number): Promise<Page<Item>>
}

/**
 * @param load gives a page. In a walk it gets the walk's first page too, to hold on to what the list was then
 * @param idOf where newer items shift the pages in the middle of a walk: what tells that an item was there already
 */
export function createListing<Item>(
  load: (page: number, first?: Page<Item>) => Promise<Page<Item>>,
  idOf?: (item: Item) => string,
): Listing<Item> {
  async function* pages(): AsyncGenerator<Page<Item>> {
    const first = await load(1)
    yield first
    for (let last = first; last.pageInfo.currentPage < last.pageInfo.lastPage; ) {
      last = await load(last.pageInfo.currentPage + 1, first)
      yield last
    }
  }

  return {
    pages,
    page: (number = 1) => load(number),
    async *[Symbol.asyncIterator]() {
      const seen = new Set<string>()
      for await (const { data } of pages()) {
        for (const item of data) {
          const id = idOf?.(item)
          if (id !== undefined && seen.has(id)) continue
          if (id !== undefined) seen.add(id)
          yield item
        }
      }
    },
  }
}
