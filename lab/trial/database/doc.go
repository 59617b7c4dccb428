// Package database holds the trials of the guide's chapter on databases: SQLite
// with a million rows, where the wrong query and the right one differ by
// thousands.
//
// The rows are made once and kept in the workbench's data directory, for each
// number of rows that was asked for; every later run opens them read-only.
package database
