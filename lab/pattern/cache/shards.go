package cache

// shardsMost caches are made of a large one, so that few requests wait for the
// same lock; below shardFloor entries each, the bound would be felt unevenly.
const (
	shardsMost = 16
	shardFloor = 64
)

// Shards returns the parts of a cache of k's capacity: one for few entries,
// sixteen for many. All entries of an item are in the part that Shard names,
// and the parts' bounds add up to the capacity. Live and virtual use the same
// parts, so that they evict the same entries.
func Shards(k *Knobs) []*Cache {
	n := 1
	for n < shardsMost && k.Capacity >= 2*n*shardFloor {
		n *= 2
	}
	parts := make([]*Cache, n)
	for i := range parts {
		parts[i] = New((k.Capacity+i)/n, k.Early)
	}
	return parts
}

// Shard returns the index of an item's part among n, a power of two.
func Shard(item uint64, n int) int {
	return int((item * 0x9e3779b97f4a7c15 >> 32) & uint64(n-1))
}
