// Package component holds the parts of pages as templates: each renders one
// view struct. All are shown on /gallery from fixtures. Attributes named
// data-… are what the page's script holds on to.
package component
