package edge

// Settle waits for work in the background, so that a test sees what it came to.
func (c *Cache) Settle() { c.work.Wait() }
