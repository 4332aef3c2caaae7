document.title = 'Room'
