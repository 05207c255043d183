module example.com/go-vendored

go 1.23

require example.com/greeting v1.0.0
