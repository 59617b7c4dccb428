// Package view holds what pages show: plain structs of ready strings, and the
// functions that make them from the lab's state. Templates do no arithmetic.
package view
