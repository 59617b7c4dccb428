// Package web serves the workbench to a browser: pages, a JSON API and one
// event stream.
//
// A handler decodes, calls one thing of the lab, builds a view, renders to a
// buffer and writes. Whatever changes the lab is read back from it before it
// is shown. The server holds no state of its own but who may use it.
//
// # Who may do what
//
// A request is refused before routing unless its Host is one of Config.Hosts,
// so a foreign name that resolves to this machine reaches nothing. Requests
// that another site's page sends are refused, reads of data included. What
// changes the lab also needs the session cookie, which the first page sets.
// A server that is not bound to loopback needs Config.Token, and then every
// page and figure needs the cookie or the token.
package web

//go:generate go tool templ generate
//go:generate sh assets/build.sh
