// Package exercises holds the exercises as they are in the repository.
package exercises

import "embed"

// Files holds a folder NN-slug for each exercise.
//
//go:embed all:[0-9]*
var Files embed.FS
