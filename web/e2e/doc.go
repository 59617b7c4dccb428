// Package e2e drives the pages in a real browser. Its tests are built with the
// tag e2e and need chromium; without it they skip, unless WORKBENCH_REQUIRE
// contains "browser". Run: go test -tags e2e ./web/e2e
package e2e
