program hello
  print *, "No buildpack knows this language."
end program hello
