module example.com/impossible

go 1.99.1
