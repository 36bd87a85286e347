/** Waits for an event, and fails with a reason when it does not come. */
export async function deadline<T>(event: Promise<T>, seconds: number, reason: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(reason())), seconds * 1000)
  })
  try {
    return await Promise.race([event, late])
  } finally {
    clearTimeout(timer)
  }
}
