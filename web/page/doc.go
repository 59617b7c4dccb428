// Package page holds whole pages as templates, made of components.
package page
