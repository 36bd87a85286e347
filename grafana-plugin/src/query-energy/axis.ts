/** Round figures along an axis from 0. */
export function ticks(reach: number, most: number): readonly number[] {
  if (!(reach > 0) || most < 1) return []
  const rough = reach / most
  const magnitude = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((times) => times * magnitude).find((one) => one >= rough * 0.999999) ?? rough
  const count = Math.floor(reach / step + 1e-9)
  return Array.from({ length: count + 1 }, (_, index) => index * step)
}
