// Package catalog lists what the workbench has: the patterns, in the order in
// which a request passes them.
package catalog
