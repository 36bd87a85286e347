import { css, cx } from '@emotion/css'
import type { LinkModel } from '@grafana/data'
import { DataLinksContextMenu, useStyles2 } from '@grafana/ui'
import React, { type AriaAttributes, type CSSProperties, type ReactNode, type Ref } from 'react'
import type { Cell } from '../model/cells'

/** The data links of a figure, with its labels filled in. */
export function linksOf(cell: Cell | undefined): readonly LinkModel[] {
  if (cell === undefined || (cell.field.config.links ?? []).length === 0) return []
  return cell.field.getLinks?.({ valueRowIndex: cell.row }) ?? []
}

interface Props extends AriaAttributes {
  readonly links: readonly LinkModel[]
  readonly className: string
  readonly style: CSSProperties
  readonly tabIndex: number
  readonly elementRef?: Ref<HTMLElement>
  readonly onFocus: (event: React.FocusEvent<HTMLElement>) => void
  readonly onBlur: () => void
  readonly onMouseMove?: (event: React.MouseEvent) => void
  readonly onMouseLeave?: () => void
  readonly 'data-id': string
  readonly children?: ReactNode
}

/** Something to point at: a link where there is one, a menu where there are several, and else just itself. */
export function Linked({ links, elementRef = null, className, ...rest }: Props) {
  const styles = useStyles2(getStyles)
  const [first, second] = links
  if (first === undefined) {
    return (
      <button
        type="button"
        ref={elementRef as Ref<HTMLButtonElement>}
        className={cx(styles.plain, className)}
        {...rest}
      />
    )
  }
  if (second === undefined) {
    const { children, ...others } = rest
    return (
      <a
        ref={elementRef as Ref<HTMLAnchorElement>}
        className={cx(styles.linked, className)}
        href={first.href}
        target={first.target}
        rel={first.target === '_blank' ? 'noopener noreferrer' : undefined}
        onClick={first.onClick}
        {...others}
      >
        {children}
      </a>
    )
  }
  return (
    <DataLinksContextMenu links={() => [...links]}>
      {({ openMenu }) => (
        <button
          type="button"
          ref={elementRef as Ref<HTMLButtonElement>}
          className={cx(styles.linked, className)}
          {...rest}
          aria-haspopup="menu"
          onClick={(event) => openMenu?.(placed(event))}
        />
      )}
    </DataLinksContextMenu>
  )
}

/** Where the menu opens. A click by keyboard has no place: it is below the element. */
function placed(event: React.MouseEvent<HTMLElement>) {
  const { left, bottom } = event.currentTarget.getBoundingClientRect()
  const [pageX, pageY] =
    event.detail === 0 ? [left + window.scrollX, bottom + window.scrollY] : [event.pageX, event.pageY]
  // Grafana 11 and 12 read the page's coordinates of an event, 13 also takes an element
  return { pageX, pageY, x: pageX, y: pageY, detail: 1 }
}

const getStyles = () => ({
  plain: css({ cursor: 'default' }),
  linked: css({ cursor: 'pointer' }),
})
