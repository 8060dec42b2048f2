/** Yes or no as both databases store it alike. */
export type Flag = 0 | 1
