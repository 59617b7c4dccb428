package dist

import "math/bits"

// Scramble maps x to another number below n, each x below n to a different one,
// so that the popular ranks of a Zipf do not lie side by side. The mapping
// depends on n alone. An x of n or more counts as its remainder; Scramble of
// an empty range is 0.
//
// It permutes the numbers of the next power of two by multiplying with odd
// numbers and folding high bits down, and walks along the cycle until it is
// below n again: twice on average at most.
func Scramble(x, n uint64) uint64 {
	if n < 2 {
		return 0
	}
	x %= n
	width := bits.Len64(n - 1)
	mask := ^uint64(0) >> (64 - width)
	fold := (width + 1) / 2
	for {
		x = (x + 0x9e3779b97f4a7c15) & mask
		x = x * 0xbf58476d1ce4e5b9 & mask
		x ^= x >> fold
		x = x * 0x94d049bb133111eb & mask
		x ^= x >> fold
		x = x * 0xd6e8feb86659fd93 & mask
		x ^= x >> fold
		if x < n {
			return x
		}
	}
}
