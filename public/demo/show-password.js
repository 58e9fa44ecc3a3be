const box = document.querySelector('#show-password')
const password = document.querySelector('#password')
box.parentElement.hidden = false
box.addEventListener('change', () => {
  password.type = box.checked ? 'text' : 'password'
})
