package view

// Site is what every page needs: where it stands and what it links to.
type Site struct {
	Title  string // of the page
	Path   string // of the page, to mark its link
	Nav    []Link
	Style  string // address of the style sheet
	Theme  string // address of the script that sets the theme before the first paint
	Script string // address of the page's module; empty: none
	// Refresh is after how many seconds the page is asked for again where there are
	// no scripts; empty: never.
	Refresh string
}

// Link is one entry of the navigation.
type Link struct{ Title, Path string }

// Here reports whether the link leads to the page itself.
func (s Site) Here(l Link) bool {
	return s.Path == l.Path || l.Path != "/" && len(s.Path) > len(l.Path) && s.Path[:len(l.Path)+1] == l.Path+"/"
}
