// Package webtest holds a stand-in for the lab that behaves like one: its
// service has a queue, its clients retry, and it falls over for good when the
// spike comes, unless a pattern that helps is on. It is for tests of the web
// and for looking at pages without starting a lab; its figures are made up by
// a formula and must never be shown as measured.
package webtest
