//go:build !race

package measure_test

// slowed says that the race detector makes runs ten times as long.
const slowed = false
