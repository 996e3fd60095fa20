// Command mpstack runs, shows and checks multipoint sessions and their
// reservations. See mpstack help.
package main

import (
	"os"

	"github.com/mpstack/mpstack/cmd/mpstack/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }
