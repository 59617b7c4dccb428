// Package docs embeds what is written about the workbench, for its pages.
//
// The tests of this package hold the whole tree to what ARCHITECTURE.md and
// STYLE.md promise: who imports whom, who may ask for the time, what a pattern's
// room holds, how long a file is.
package docs

import "embed"

// FS holds ARCHITECTURE.md, STYLE.md and the decisions in adr/.
//
//go:embed ARCHITECTURE.md STYLE.md adr/*.md
var FS embed.FS
