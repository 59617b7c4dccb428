//go:build !linux

package sandbox_test

// Hostile code runs only where it can be contained.
func misbehave(string) {}

func own() {}
