// Package layering holds the house rules of mpstack as data and the test that
// enforces them. The rooms of the house are its packages; every room stands on
// a step ("2a" is the first step of the second floor) and may import what
// stands on lower steps, and its own family: the rooms of its row.
//
// The rows are in table_test.go. The test reads every Go file of the tree,
// whatever its build tags, test files and testdata included, with go/parser.
// It needs no build and no tool.
//
// What is not here: anything that another package could import.
package layering
