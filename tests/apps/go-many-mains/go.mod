module example.com/many/v2

go 1.23
