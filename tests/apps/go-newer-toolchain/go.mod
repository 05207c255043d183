module example.com/newer

go 1.24

toolchain go1.25.1
