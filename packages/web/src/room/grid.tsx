import { type ReactNode, useLayoutEffect, useRef, useState } from 'react'
import classes from './room.module.css'

/** Pictures are as wide as most cameras and screens are. */
const ratio = 16 / 9
const gapPx = 10

/** As many tiles as there are, side by side, as large as fit, each as wide as it is high by the ratio of a camera. */
export function Grid({ count, className, children }: { count: number; className?: string; children: ReactNode }) {
  const box = useRef<HTMLDivElement>(null)
  const [space, setSpace] = useState({ width: 0, height: 0 })
  useLayoutEffect(() => {
    const element = box.current
    if (element === null) return
    const measure = () => setSpace({ width: element.clientWidth, height: element.clientHeight })
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  const width = fitTiles(count, space)
  return (
    <div ref={box} className={`${classes.space} ${className ?? ''}`}>
      <div className={classes.grid} style={{ '--tile': `${width}px`, '--gap': `${gapPx}px` } as object}>
        {children}
      </div>
    </div>
  )
}

/** The width of the widest tile of which so many fit into the space, in whole pixels. */
export function fitTiles(count: number, { width, height }: { width: number; height: number }): number {
  let widest = 0
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns)
    const across = (width - (columns - 1) * gapPx) / columns
    const down = ((height - (rows - 1) * gapPx) / rows) * ratio
    widest = Math.max(widest, Math.min(across, down))
  }
  return Math.floor(widest)
}
