package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Println("api", os.Args[1:])
}
