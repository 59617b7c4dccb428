// Package pattern holds the rooms of the patterns, and their documentation as
// text: what the page shows of a pattern is what its package says.
package pattern

import (
	"embed"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strings"
)

//go:embed */doc.go
var rooms embed.FS

// Doc returns the package documentation of the room of the pattern with this
// name, such as "client-budget", in the notation of Go comments; an error that
// wraps fs.ErrNotExist when there is no such room.
func Doc(name string) (string, error) {
	file := path.Join(strings.ReplaceAll(name, "-", ""), "doc.go")
	if name == "" || strings.ContainsAny(name, "./") {
		return "", fmt.Errorf("pattern %q: %w", name, fs.ErrNotExist)
	}
	src, err := rooms.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("pattern %q: %w", name, err)
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		return "", fmt.Errorf("pattern %q: %w", name, err)
	}
	return parsed.Doc.Text(), nil
}
